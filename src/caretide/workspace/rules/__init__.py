"""Pure decisions of the workspace: what a form says (`forms`), and why somebody is on the list (`day`)."""
