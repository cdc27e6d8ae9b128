"""Text files of numbers: read front to back in bounded memory, and packed from finished arrays."""
