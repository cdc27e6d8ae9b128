"""Jobs of the store: from their submission to their end, however often they are stopped and resumed."""
