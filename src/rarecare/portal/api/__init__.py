"""The interface for programs: a release, its tables and the public directory, read only."""
