"""What the platform needs of the machine and the network: addresses, object stores, durable files, free space."""
