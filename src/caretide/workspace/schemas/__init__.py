"""The shapes of the workspace: `roster` for My day, `patient` for the patient page, `facts` for what is recorded."""
