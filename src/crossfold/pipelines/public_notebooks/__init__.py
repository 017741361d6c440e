"""The audit of what public notebooks report on the table of appointments."""
