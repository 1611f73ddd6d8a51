"""The sources, a module each: `async def` over the port, each answers with a `Heard` and never raises."""
