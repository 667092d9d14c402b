"""What happens to mail: submit, dispatch, deliver, record, keep up. See docs/flow.md."""
