"""The version of Frontdesk, read by setup.cfg and shown by `frontdesk --version`."""

VERSION = "0.1.0.dev0"
