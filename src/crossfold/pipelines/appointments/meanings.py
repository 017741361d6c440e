"""What the columns of the appointment tables mean, one sentence each."""

CARRIED_OVER = {
    "age": "Age in years.",
    "neighbourhood": "Where the appointment takes place.",
    "scholarship": "The patient's family gets the Bolsa Família welfare payment.",
    "hypertension": "The patient has high blood pressure.",
    "diabetes": "The patient has diabetes.",
    "alcoholism": "The patient has an alcohol disorder.",
    "sms_received": "A reminder was sent by SMS.",
    "handicap": "Number of disabilities.",
    "^number_": "A number that only this export has.",
    "^flag_": "A flag that only this export has.",
    "^category_": "A category that only this export has.",
    "no_show": "The patient did not come; absent where the appointment is still to come.",
}

PRIMARY = {
    **CARRIED_OVER,
    "appointment_id": "Identifier of the appointment in the source.",
    "patient": "Keyed hash of the patient's identifier.",
    "gender": "As recorded: F or M.",
    "booked_at": "When the appointment was booked, by the clock on the wall.",
    "appointment_day": "Day of the appointment, at midnight.",
}

FEATURES = {
    **CARRIED_OVER,
    "male": "The patient is recorded as male.",
    "lead_time_days": "Calendar days from the booking to the appointment.",
    "same_day": "Booked for the day of the booking.",
    "booking_hour": "Hours from midnight to the booking, in steps of a minute.",
    "booking_weekday": "Weekday of the booking.",
    "appointment_weekday": "Weekday of the appointment.",
    "earlier_bookings": "The patient's bookings up to the second of this one, without it.",
    "open_bookings": "Those of them whose day had not passed.",
    "hours_since_last_booking": "Hours since the patient's last booking of an earlier second.",
    "bookings_same_moment": "The patient's bookings in the same second, with this one.",
    "bookings_same_second": "All patients' bookings in the same second, with this one.",
    "appointments_same_day": "The patient's appointments on the day, with this one.",
    "earlier_appointments": "The patient's appointments whose outcome is known.",
    "earlier_no_shows": "Those of them that were missed.",
    "earlier_no_show_rate": "Their share, drawn towards 0.2 as by two more appointments.",
    "earlier_no_shows_with_lead": "Missed ones that were not booked on their day.",
    "days_since_last_appointment": (
        "Days from the last known appointment to the first day whose outcomes are not known."
    ),
    "last_lead_time_days": "Lead time of the last known appointment.",
    "last_outcome": "Outcome of the last known appointment.",
}
