"""The sources, a module each: `async def` over the port, answering with a `Heard`; a failure to ask is an error."""
