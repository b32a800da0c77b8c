"""Who is asked on a fresh installation, for every demo case of every shipped workflow, gate by gate."""

from collections.abc import Mapping
from typing import Final

Gate = tuple[str, int, int, str]
"""Action, tier, approvals, risk."""
# What people are asked on a fresh installation when they approve everything. A change of policy shows up here.
ROUTES: Final[Mapping[tuple[str, str], tuple[Gate, ...]]] = {
    ("clinical", "P-2041: a routine antibiotic, amoxicillin 500 mg for 7 days"): (("order_medication", 1, 1, "high"),),
    ("clinical", "P-3178: insulin times ten, 60 units where the note says 6.0"): (("change_dose", 3, 2, "critical"),),
    ("clinical", "P-4406: a penicillin for a patient allergic to it, amoxicillin 875 mg"): (
        ("order_medication", 3, 2, "critical"),
    ),
    ("clinical", "P-5520: methotrexate every day for 12 weeks instead of once a week"): (
        ("order_medication", 1, 1, "high"),
        ("start_plan", 3, 2, "critical"),
    ),
    ("clinical", "P-6093: a smaller dose for weak kidneys, gabapentin 600 to 300 mg at 28 ml/min"): (
        ("change_dose", 1, 1, "high"),
    ),
    ("content", "A grade of 1.3 instead of 4.0, two days after the deadline"): (
        ("change_grade", 2, 2, "high"),
        ("message_students", 1, 1, "low"),
    ),
    ("content", "A message to 412 students that names one of them"): (("message_students", 2, 1, "high"),),
    ("content", "Routine: a reading list of 3 titles"): (("publish_material", 1, 1, "low"),),
    ("content", "A small clarification to 28 students"): (("message_students", 1, 1, "low"),),
    ("contracts", "A “minor wording” change: liability from 100,000.00 EUR to unlimited"): (
        ("change_clause", 3, 2, "critical"),
    ),
    ("contracts", "A settlement offer of 45,000.00 EUR against a reserve of 30,000.00"): (
        ("offer_settlement", 3, 2, "high"),
    ),
    ("contracts", "A court filing due in 5 hours"): (("file_document", 2, 2, "high"),),
    ("contracts", "Routine: a notice period of 60 days instead of 30"): (("change_clause", 2, 1, "high"),),
    ("deployment", "Patch 7.1.5 of checkout corrects the VAT line: 1,284 tests green, quiet canary"): (
        ("approve_pipeline", 1, 1, "low"),
        ("deploy_production", 1, 1, "high"),
        ("announce", 1, 1, "low"),
    ),
    ("deployment", "Search 3.9.0 on Friday at 18:10: the canary fails 8 times as often as usual"): (
        ("deploy_production", 2, 1, "high"),
        ("announce", 1, 1, "low"),
    ),
    ("deployment", "“Tidying up” in accounts 4.9.1 drops a column of 41,200,000 rows"): (
        ("deploy_production", 3, 2, "critical"),
        ("announce", 1, 1, "low"),
    ),
    ("deployment", "New start page from 2 % to 100 % of 1,900,000 users at once"): (
        ("set_feature_flag", 2, 1, "high"),
        ("announce", 1, 1, "low"),
    ),
    ("deployment", "Login 5.2.0 fails 31 times as often as usual: back to 5.1.7"): (
        ("roll_back", 1, 1, "high"),
        ("announce", 1, 1, "low"),
    ),
    ("loan", "A routine car loan: 12,000.00 EUR"): (
        ("accept_documents", 1, 1, "low"),
        ("underwrite", 2, 1, "high"),
        ("clear_compliance", 2, 2, "high"),
        ("pay_out", 2, 1, "high"),
    ),
    ("loan", "Income 4,200.00, payslips 3,150.00"): (
        ("accept_documents", 1, 1, "low"),
        ("underwrite", 2, 1, "high"),
        ("clear_compliance", 2, 2, "high"),
        ("pay_out", 2, 1, "high"),
    ),
    ("loan", "Debt-to-income 52 % (limit 45 %): 26,000.00 EUR"): (
        ("accept_documents", 1, 1, "low"),
        ("underwrite", 3, 2, "high"),
        ("clear_compliance", 2, 2, "high"),
        ("pay_out", 2, 1, "high"),
    ),
    ("loan", "A name 88 % similar to one on a sanctions list"): (
        ("accept_documents", 1, 1, "low"),
        ("underwrite", 2, 1, "high"),
        ("clear_compliance", 2, 2, "high"),
        ("pay_out", 2, 1, "high"),
    ),
    ("loan", "1,500.00 GBP, to be withdrawn while it waits"): (
        ("accept_documents", 1, 1, "low"),
        ("underwrite", 2, 1, "high"),
        ("clear_compliance", 2, 2, "high"),
        ("pay_out", 1, 1, "high"),
    ),
    ("orders", "47 parcels to one new address: 6,110.00 EUR"): (("ship_bulk", 2, 2, "high"),),
    ("orders", "A customer of 3 days orders for 18,900.00 EUR"): (
        ("acknowledge_order", 1, 1, "low"),
        ("release_order", 2, 1, "high"),
    ),
    ("orders", "Acknowledge a small order: ships within 2 days"): (("acknowledge_order", 1, 1, "low"),),
    ("orders", "47 small orders at once, and one that ships late"): (("acknowledge_order", 1, 1, "low"),),
    ("orders", "A very upset customer wants 95.00 EUR back"): (("refund_order", 1, 1, "low"),),
    ("payments", "A leaking espresso machine: 420.00 EUR, order 4711"): (
        ("reserve_credit", 1, 1, "low"),
        ("refund_card", 1, 1, "medium"),
        ("write_customer", 1, 1, "low"),
    ),
    ("payments", "A large amount and a new customer: 4,200.00 EUR"): (
        ("reserve_credit", 1, 1, "low"),
        ("refund_card", 1, 1, "high"),
        ("write_customer", 1, 1, "low"),
    ),
    ("payments", "A customer with many refunds: 89.90 EUR"): (
        ("reserve_credit", 1, 1, "low"),
        ("refund_card", 1, 1, "low"),
        ("write_customer", 1, 1, "low"),
    ),
    ("payments", "A small one: 12.50 GBP for a lost letter"): (
        ("reserve_credit", 1, 1, "low"),
        ("refund_card", 1, 1, "low"),
        ("write_customer", 1, 1, "low"),
    ),
    ("payments", "A customer who tries to talk the agent round: 240.00 USD"): (
        ("reserve_credit", 1, 1, "low"),
        ("refund_card", 1, 1, "medium"),
        ("write_customer", 1, 1, "low"),
    ),
    ("procurement", "2:47 AM: 2,300,000.00 USD of solvent for a requisition cancelled at 22:41"): (
        ("place_order", 3, 2, "critical"),
        ("book_transport", 2, 2, "high"),
        ("confirm_delivery_slot", 1, 1, "low"),
    ),
    ("procurement", "A routine reorder: 40 boxes of gloves for 312.00 EUR"): (
        ("place_order", 1, 1, "medium"),
        ("book_transport", 1, 1, "low"),
        ("confirm_delivery_slot", 1, 1, "low"),
    ),
    ("procurement", "One order split into four of 4,900.00 EUR, just under the limit of 5,000.00"): (
        ("place_order", 1, 1, "high"),
        ("place_order", 2, 2, "high"),
        ("place_order", 2, 2, "high"),
        ("place_order", 2, 2, "high"),
        ("book_transport", 1, 1, "low"),
        ("confirm_delivery_slot", 1, 1, "low"),
    ),
    ("procurement", "A rush order: 60 seals for 1,440.00 GBP, at 3 times the usual price each"): (
        ("place_order", 1, 1, "high"),
        ("book_transport", 1, 1, "low"),
        ("confirm_delivery_slot", 1, 1, "low"),
    ),
    ("rollout", "Router firmware 4.2 to 310 branches in 3 waves, 18,400.00 EUR"): (
        ("publish_plan", 1, 1, "low"),
        ("reserve_resources", 2, 1, "high"),
        ("roll_out_wave", 1, 1, "medium"),
        ("roll_out_wave", 1, 1, "medium"),
        ("roll_out_wave", 2, 1, "high"),
    ),
    ("rollout", "Till software 9.0: wave 2 takes 600 of 660 shops on a Saturday"): (
        ("publish_plan", 1, 1, "low"),
        ("reserve_resources", 3, 2, "critical"),
        ("roll_out_wave", 1, 1, "medium"),
        ("roll_out_wave", 2, 1, "high"),
        ("roll_out_wave", 1, 1, "medium"),
    ),
    ("rollout", "Badge readers at 3 sites: quoted 9,300.00 EUR, planned 4,800.00 EUR"): (
        ("publish_plan", 1, 1, "low"),
        ("reserve_resources", 2, 1, "high"),
        ("roll_out_wave", 2, 2, "medium"),
        ("roll_out_wave", 2, 1, "high"),
    ),
    ("rollout", "Laptop encryption for 2,400 desks in 6 waves, 900.00 USD"): (
        ("publish_plan", 1, 1, "low"),
        ("reserve_resources", 1, 1, "high"),
        ("roll_out_wave", 1, 1, "medium"),
        ("roll_out_wave", 1, 1, "medium"),
        ("roll_out_wave", 1, 1, "medium"),
        ("roll_out_wave", 1, 1, "medium"),
        ("roll_out_wave", 1, 1, "medium"),
        ("roll_out_wave", 1, 1, "medium"),
    ),
    ("transactions", "A supplier's invoice with bank details changed yesterday: 12,480.00 EUR"): (
        ("send_wire", 2, 2, "high"),
    ),
    ("transactions", "A routine wire: 340.00 EUR for cleaning"): (("send_wire", 1, 1, "high"),),
    ("transactions", "A trade of 2.4 times the usual size: 3,600.00 EUR"): (("place_trade", 2, 1, "high"),),
    ("transactions", "A credit limit from 5,000 to 25,000 EUR"): (("change_credit_limit", 2, 1, "high"),),
    ("transactions", "Four small wires to one beneficiary: 4 × 450.00 EUR"): (
        ("send_wire", 1, 1, "high"),
        ("send_wire", 1, 1, "high"),
        ("send_wire", 2, 1, "high"),
        ("send_wire", 2, 1, "high"),
    ),
}
