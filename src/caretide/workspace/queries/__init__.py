"""What the workspace shows: its frame (`shell`), My day (`roster`), and the patient page with its parts (`patient`)."""
