"""The queue rings when there is work; the job table says what work there is."""
