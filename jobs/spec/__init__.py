"""The job file and the command line, checked: from text to a `JobSpec`, and mistakes told by line and field."""
