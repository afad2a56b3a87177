"""The offline NASA: serves every dialect from recorded or generated data, with faults on demand."""
