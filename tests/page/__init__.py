"""The example of a settings page (docs/examples/settings_page), driven in a real browser and looked at without one."""
