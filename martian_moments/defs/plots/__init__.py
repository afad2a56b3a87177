"""What an asset's page shows of a published table: a preview, the number of rows, and of some a picture."""
