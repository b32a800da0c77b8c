"""The files of the demo cases: what people said, what the agent looked up, and what gives it pause."""

from collections.abc import Sequence
from typing import Any, Final

File = dict[str, Any]


def _file(
    *looked: str, talk: Sequence[tuple[str, str, str]] = (), about: dict[str, str] | None = None, doubts: str = ""
) -> File:
    """A file as an input carries it; `talk` is who, when and what."""
    said = [{"who": who, "at": at, "text": text} for who, at, text in talk]
    return {"looked": list(looked), "conversation": said, "about": about or {}, "doubts": doubts}


# clinical
AMOXICILLIN: Final = _file(
    "Chart read: no allergy, kidneys 88 ml/min",
    "Interactions checked against 3 other drugs: none",
    about={"Age": "54", "Ward": "Medicine 2"},
    talk=[
        ("Dr. Okonjo", "08:10", "Start amoxicillin for P-2041, 500 three times a day."),
        ("Nurse Lindqvist", "08:14", "For how long?"),
        ("Dr. Okonjo", "08:15", "Seven days, then we look again."),
    ],
)
INSULIN: Final = _file(
    "Dictation transcribed: the point in “6.0” is hard to hear",
    "Pump read: 6 units before each meal since 3 weeks",
    about={"Age": "67", "Ward": "Surgery 1"},
    talk=[
        ("Nurse Petrov", "17:35", "Sugar of P-3178 is 11.2 before dinner."),
        ("Dr. Okonjo", "17:40", "Lispro stays at six point zero units before meals."),
        ("Nurse Petrov", "17:41", "No change then?"),
    ],
    doubts="I heard 60, and the pump says 6.",
)
PENICILLIN: Final = _file(
    "Chart read: penicillin and latex on the list of allergies",
    "Wound swab of yesterday: result not there yet",
    about={"Age": "39", "Ward": "Emergency"},
    talk=[
        ("Dr. Brandt", "11:02", "Amoxicillin for the wound, or doxycycline if something speaks against it."),
        ("Nurse Adeyemi", "11:05", "She wears a red wristband."),
    ],
    doubts="The note names doxycycline for just this case.",
)
METHOTREXATE: Final = _file(
    "Chart read: no allergy, kidneys 88 ml/min",
    "Template of the plan: methotrexate once a week",
    about={"Age": "48", "Ward": "Outpatients"},
    talk=[
        ("Dr. Brandt", "14:20", "MTX 15, folic acid 5 weekly, twelve weeks."),
        ("Pharmacy", "14:31", "Please write the day of the week on the plan."),
    ],
    doubts="The note says weekly of the folic acid only.",
)
GABAPENTIN: Final = _file(
    "Laboratory read: kidneys 61, then 28 ml/min within 9 days",
    "Table of doses: half the usual below 30 ml/min",
    about={"Age": "81", "Ward": "Medicine 2"},
    talk=[("Nurse Lindqvist", "06:50", "P-6093 is drowsy since Friday."), ("Dr. Okonjo", "07:05", "Down to 300 then.")],
)

# content
GRADE: Final = _file(
    "Exam book read: 4.0 by the first examiner, 3.7 by the second",
    "Points recounted: not yet",
    talk=[
        ("Prof. Haldane", "12 Nov 16:40", "Please put Jorin Askevold at 1.3, it was a slip of the pen."),
        ("Examination office", "12 Nov 16:58", "The deadline was the 10th. Which task was miscounted?"),
        ("Prof. Haldane", "13 Nov 09:12", "None. It should just have been a 1.3."),
    ],
    doubts="Nobody names the task that was miscounted.",
)
RETAKE: Final = _file(
    "Room plan read: the retake is in room 2 since today",
    "List of readers: 412 in the course, 28 in the seminar",
    talk=[
        ("Dr. Weatherby", "09:05", "Tell the seminar about the room."),
        ("Course office", "09:20", "The list for LAW-110 is attached."),
    ],
    doubts="The list is the course's, not the seminar's.",
)
READING: Final = _file("Last week's list read: 3 titles, the same form")
TASK: Final = _file(
    "Exam rules read: task 4 counts",
    talk=[
        ("Student", "Mon 10:02", "Does task 4 count?"),
        ("Student", "Mon 13:45", "The sheet says optional, the lecture said it counts."),
        ("Dr. Ferreira", "Mon 18:30", "It counts. Please tell all of them."),
    ],
)

# contracts
OXHOLM: Final = _file(
    "Both versions compared: 4 changes, 3 of them typing errors",
    "Playbook, liability: capped, no exception but intent",
    about={"Contract since": "2021", "Bought last year": "310,000.00 EUR"},
    talk=[
        ("Oxholm, sales", "2 Nov 10:11", "Our mark-up is attached, only minor wording."),
        ("Legal", "2 Nov 15:37", "What about 9.2?"),
        ("Oxholm, sales", "3 Nov 08:50", "Just tidied up. We would like to sign this week."),
    ],
    doubts="The other side calls it minor, the comparison does not.",
)
VELTRIN: Final = _file(
    "Claim read: 80,000.00 EUR for goods spoilt in August",
    "Counsel's note read: chances at 60 %, costs about 9,000.00 EUR",
    about={"Hearing": "in 3 weeks", "Earlier offers": "none"},
    talk=[
        ("Veltrin's counsel", "28 Oct 14:05", "Our client would settle at 50,000."),
        ("Our counsel", "29 Oct 09:30", "45,000 may do it before the hearing."),
        ("Head of logistics", "29 Oct 11:15", "The reserve is 30,000, please mind that."),
    ],
    doubts="The offer is above what was set aside.",
)
TANNBERG: Final = _file(
    "Court's letter read: defence due today",
    "Draft compared with counsel's version: no differences",
    about={"Claim": "20,000.00 EUR", "Counsel": "has read the defence"},
    talk=[("Counsel", "08:45", "Read and fine. Please file today."), ("Legal", "09:10", "It will be there by noon.")],
)
BRAMMER: Final = _file(
    "Playbook, notice: 60 days, as asked for",
    about={"Contract since": "2019"},
    talk=[("Brammer Fittings", "Tue 09:00", "30 days is too short for our shifts. Could it be 60?")],
)

# deployment
VAT: Final = _file("Tests run: 1,284 of 1,284 passed", "Canary watched for 40 minutes: errors as usual")
SEARCH: Final = _file(
    "Canary watched for 40 minutes: errors 8 times as usual",
    "Roster read: nobody until Monday 08:00",
    talk=[
        ("Marketing", "Fri 16:20", "The mail goes out at 19:00, is search live by then?"),
        ("Search team", "Fri 16:45", "The canary looks odd, we would wait."),
        ("Marketing", "Fri 17:30", "40,000 people are told tonight."),
    ],
    doubts="The canary fails, and nobody is there over the weekend.",
)
TIDYING: Final = _file(
    "Code searched for the column: 2 reports still read it",
    "Backup of last night: there, restoring takes 5 hours",
    talk=[
        ("Accounts team", "Wed 10:05", "That column is unused, just drop it."),
        ("Reporting", "Wed 10:40", "Is that the one with the legacy ids?"),
    ],
    doubts="Two reports still read the column.",
)
START_PAGE: Final = _file(
    "Two percent watched for 9 days: 4 % more orders",
    "Load test: done for 20 % of users, not for more",
    talk=[("Shop team", "Thu 11:20", "Numbers are great, all users please."), ("Platform", "Thu 11:52", "In steps?")],
    doubts="The load was never tested beyond 20 %.",
)
LOGIN: Final = _file(
    "Logs read: tokens of 5.2.0 are refused by the gateway",
    "Version 5.1.7 started beside it: works",
    talk=[("Support", "13:04", "Nobody can log in."), ("Login team", "13:06", "It is the release. Back to 5.1.7.")],
)

# loan
LINDHOLM: Final = _file("Payslips read: 3 of 3, the same income", "Credit register asked: no entry")
ABEL: Final = _file(
    "Payslips read: 3,150.00 in each, stated were 4,200.00",
    "Register of residents asked: address new since 3 days",
    talk=[
        ("Loan desk", "Mon 10:12", "Your payslips show 3,150. You stated 4,200."),
        ("Jo Abel", "Mon 12:40", "The rest is from weekend work, paid in cash."),
        ("Loan desk", "Mon 13:05", "Is there anything on paper?"),
    ],
    doubts="A quarter of the income is not on paper.",
)
BRAND: Final = _file(
    "Credit register asked: 2 loans, 979.00 EUR a month",
    talk=[("Ilse Brand", "Tue 09:31", "One of the loans ends in April."), ("Loan desk", "Tue 10:02", "Noted.")],
    doubts="One of the other loans is said to end soon.",
)
SAMARIN: Final = _file(
    "Sanctions lists searched: one name 88 % similar, born in another year",
    "ID card read: valid, photo fits",
    doubts="Name similar, birth year different.",
)
OKAFOR: Final = _file("Payslips read: 3 of 3, the same income", "Credit register asked: no entry")

# orders
RESELLER: Final = _file(
    "Address searched: not among 3 known ones of this customer",
    "Map asked: a warehouse that lets space by the day",
    about={"Customer since": "2 years", "Orders so far": "9, the largest 640.00 EUR"},
    talk=[
        ("C-880", "08:02", "Please send all 47 to Dock 9, Rotterdam, today."),
        ("Support", "08:20", "Your address on file is Utrecht. Did you move?"),
        ("C-880", "08:24", "No, a customer of ours collects there. It is urgent."),
    ],
    doubts="New address, all at once, and urgent.",
)
CAMERAS: Final = _file(
    "Card checked: valid, issued in another country",
    "Stock read: 12 of 12 there",
    about={"Customer since": "3 days", "Orders so far": "none"},
    talk=[("C-912", "Sun 23:41", "When do the cameras ship? I travel on Wednesday.")],
)
NEWSLETTER: Final = _file("Stock read: there", "Payment read: came in", about={"Sold by": "this morning's newsletter"})
BOOKS: Final = _file("Stock read: 2 of 2 there", "Payment read: 31.80 EUR came in", about={"Orders so far": "6"})
KETTLE: Final = _file(
    "Order read: paid 95.00 EUR, one exchange in September",
    "Warranty read: 2 years, ends next June",
    about={"Customer since": "4 years", "Orders so far": "11"},
    talk=[
        ("C-204", "2 Sep 19:12", "The kettle leaks from the base."),
        ("Support", "3 Sep 09:30", "Sorry. A new one is on its way."),
        ("C-204", "9 Nov 07:55", "The new one leaks as well. I want my money back."),
        ("Support", "9 Nov 10:10", "Could you send a photo, please?"),
        ("C-204", "11 Nov 06:48", "I sent it twice. This is my last message before the lawyer's."),
    ],
)

# procurement
SOLVENT: Final = _file(
    "Requisition read: approved on 19 Nov, status changed on 21 Nov",
    "Stock read: 2 days left of ethyl acetate",
    talk=[
        ("Plant manager", "21 Nov 22:41", "The new line is put off to spring, cancel R-4417."),
        ("Requisition system", "21 Nov 22:41", "Status set to cancelled."),
    ],
    about={"Orders so far": "31, each about 50,000.00 USD"},
    doubts="The status changed after the approval; I took it for clean-up.",
)
GLOVES: Final = _file("Stock read: 2 days left", "Price compared with last month: 3 % more")
PUMPS: Final = _file(
    "Requisition read: 280 pieces, approved as one",
    "Limit read: one signature up to 5,000.00",
    talk=[("Workshop", "Mon 08:15", "We need 280 pumps. Please in four orders, then it goes through faster.")],
)
SEALS: Final = _file(
    "Price asked: 24.00 GBP each for tomorrow, 8.00 GBP in 9 days",
    talk=[
        ("Aldwick Seals", "Wed 15:02", "From the express stock it is 24.00 each."),
        ("Maintenance", "Wed 15:20", "The press stands still without them."),
    ],
)

# rollout
FIRMWARE: Final = _file(
    "Firmware tried on 4 routers in the laboratory: all came back",
    "Maintenance windows read: nights from 01:00 to 04:00",
    talk=[
        ("Security", "Tue 09:10", "The hole is public now."),
        ("Network", "Tue 09:48", "Ten branches first, then all."),
    ],
)
TILLS: Final = _file(
    "Software tried in the training shop: 200 receipts, all right",
    "Calendar read: Inland shops start on Saturday at 10:00",
    talk=[
        ("Finance", "Mon 14:00", "Old receipts cost us from the 1st."),
        ("Shop managers", "Mon 16:25", "Not on a Saturday, please."),
    ],
    doubts="Most of the week's sales are made in the hours of wave 2.",
)
BADGES: Final = _file(
    "Quotes compared: 9,300.00 EUR is the lower of 2",
    talk=[("Facilities", "Thu 10:30", "The plan forgot the wiring, hence the price.")],
)
LAPTOPS: Final = _file(
    "Encryption tried on 12 laptops: 11 minutes each",
    "Travel calendar read: 112 of 700 abroad until the 14th",
    doubts="Who is abroad can't come to the help desk.",
)

# transactions
HALVORSEN: Final = _file(
    "Invoice read: amount and order fit",
    "Call-back to the number on file: not made yet",
    about={"Supplier since": "3 years", "Paid so far": "36 invoices, all to NO0086011117947"},
    talk=[
        ("billing@halvorsen-pumps.example", "Mon 16:02", "Our bank details have changed, see the attached letter."),
        ("Accounts payable", "Mon 16:40", "Thank you. Is the old account closed?"),
        ("billing@halvorsen-pumps.example", "Mon 16:44", "Yes. Please pay 2291 to the new one by tomorrow."),
    ],
    doubts="The new account came by mail only.",
)
CLEANERS: Final = _file("Invoice read: as every month", about={"Paid so far": "25 invoices of 340.00 EUR"})
HLVN_TICKET: Final = _file(
    "Order book read: 410,000.00 EUR traded on an average day",
    "Desk limit read: 10,000.00 EUR a ticket",
    talk=[("Desk 4", "09:31", "3600 of HLVN, 18.40 or better."), ("Desk 4", "09:32", "Pieces or EUR? EUR.")],
    doubts="The ticket may have meant 1,500.00, as usual.",
)
SEASON: Final = _file(
    "Account read: 5 of the last 6 bills paid in time",
    "Season of last year: 8,900.00 EUR drawn at most",
    about={"Customer since": "6 years", "Drawn today": "4,870.00 EUR"},
    talk=[
        ("C-3308", "Tue 10:15", "We expect a big season. Could we have 25,000?"),
        ("Account manager", "Tue 11:02", "What do the orders look like?"),
        ("C-3308", "Tue 11:20", "Good. The figures follow next week."),
    ],
    doubts="The figures that would back it are not there yet.",
)
CONSULTANT: Final = _file(
    "Invoices read: 4 of one day, numbers in a row",
    "Contract read: one invoice a month",
    about={"Paid so far": "11 invoices, on average 400.00 EUR"},
    talk=[("Orrin Vale", "Fri 08:30", "Four small invoices, please pay them separately.")],
    doubts="Four invoices of one day, where the contract has one a month.",
)
