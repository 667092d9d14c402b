"""How the settings become the parts of a worker, a module for each of its sides; `app.build_parts` puts them
together.

- `ground`: what all the others stand on;
- `coming_in`: acceptance, and the SMTP doors before it (`smtp_doors`);
- `going_out`: delivery;
- `follow_up`: what follows later: webhooks, archive copies, chores;
- `ways`: acceptance without a worker, for commands.
"""
