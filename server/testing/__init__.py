"""The test kit: what Frontdesk's own tests use and plugin authors' will. `desk` (a server in process), `clock`, `plugins`
(a channel and a model for tests), `fake_twilio` and `wire_store` (real servers on loopback), `http_queue`."""
