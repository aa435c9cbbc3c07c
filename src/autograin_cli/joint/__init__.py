"""Mapping and potential refined together: the only stage that knows both."""
