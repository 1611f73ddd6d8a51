"""A small host application with a page of mail settings, on the public names of the library: how to use them.

    python -m docs.examples.settings_page

Read it in this order: `app` puts it together, `views` are the requests, `acts` what the buttons do with what is on the
`desk`, `page` what is shown, `templates` how. `host` is what your own application brings. `world` and `serve` are only
the sandbox that it all runs in.
"""
