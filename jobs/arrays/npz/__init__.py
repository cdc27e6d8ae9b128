"""``.npz`` archives: members read where they lie or as they are unpacked, and archives of one member written."""
