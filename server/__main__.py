"""`python -m frontdesk` is the command `frontdesk`."""

from __future__ import annotations

import sys

from .cli import main

sys.exit(main())
