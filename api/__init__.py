"""The management REST API: thin routes over services over Temporal."""
