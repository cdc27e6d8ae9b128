"""Jobs that run for their caller and leave nothing but their result: no record of them is kept."""
