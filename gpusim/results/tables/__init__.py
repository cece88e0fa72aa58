"""Results: tables with units in their column names, and how they are kept on disk."""
