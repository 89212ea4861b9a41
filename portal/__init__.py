"""How the site is run: settings, middleware, health, logs, sandbox. Knows nothing of data-subject requests."""
