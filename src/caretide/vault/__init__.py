"""Write-once storage and the keys around it.

`store` keeps documents, each in an encrypted envelope of its own, under the SHA-256 of its content. `keys` holds the
installation's key-encryption keys in files beside the database, never in it. `envelope` wraps other keys with them and
encrypts single columns with a tenant's key. Nothing here is a table, and no file name says anything about a patient.
"""
