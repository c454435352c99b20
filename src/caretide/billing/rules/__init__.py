"""How a month's evidence becomes the rules' input, the record that an auditor reads, and the rows that are frozen."""
