"""Reading results documents: parts of them, and other forms of them, in flat memory and one pass."""
