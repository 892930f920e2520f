"""Which stored files belong to a job."""

from reelwork.jobs.model import Job
from reelwork.jobs.store import StoredFiles
from reelwork.storage.service import StorageService, results_folder, results_key


def belongs_to(job: Job, key: str) -> bool:
    """Tell whether the job's row points to a file, or its worker may yet make it do so."""
    if key in (job.input_path, job.output_path):
        return True
    # Results of any other attempt can never become the job's: the fence keeps their writer out.
    return job.lease_token is not None and key == results_key(job.job_id, job.lease_token)


def remove_files(storage: StorageService, files: StoredFiles) -> None:
    """Remove the video, the results and the results of lost attempts of a job whose row is gone."""
    for key in (files.input_path, files.output_path):
        if key is not None:
            storage.delete_file(key)
    for file in storage.list_files(results_folder(files.job_id)):
        storage.delete_file(file.key)
