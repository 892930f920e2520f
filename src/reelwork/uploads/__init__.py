"""What there is before a job: uploads in several requests, and requests that are sent again."""
