"""Engines that keep their part in AWS. Each is chosen by one setting; nothing here is imported before it is chosen."""
