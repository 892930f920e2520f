"""The process that runs jobs: a supervisor without native code, and a child that has all of it."""
