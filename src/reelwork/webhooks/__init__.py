"""Tell clients that their jobs are over: signed HTTP requests, at least one for each end of a job."""
