"""What a call of `mail/send` must hold to, with SendGrid's sentences (sendgrid.md 3.3).

Every rule looks at the JSON value as it came and says all that it finds, so a caller reads every mistake at
once. Public: faults_of, Fault, Known.
"""

from __future__ import annotations

from posthouse.dialects.sendgrid.mail_rules.faults import Fault, Known
from posthouse.dialects.sendgrid.mail_rules.whole import faults_of

__all__ = ["Fault", "Known", "faults_of"]
