"""What users import and run: v1 (the contract), client (the SDK), cli, rpc and store (how the services speak)."""
