"""Bad: its module cannot be imported."""

raise RuntimeError("the wheel of the vendor's SDK is for another machine")
