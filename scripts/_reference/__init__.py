"""What of ours answers for which contract of the reference, and how it is deployed."""
