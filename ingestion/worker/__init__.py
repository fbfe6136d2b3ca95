"""The worker: claims jobs, keeps their leases, settles them."""
