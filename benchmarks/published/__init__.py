"""Results of papers, and what comes out here: one module and one command each."""
