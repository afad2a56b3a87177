select
    rover,
    title,
    landing_date,
    first_sol,
    first_midnight as first_midnight_utc,
    landing_longitude,
    landing_latitude
from {{ facts('rovers') }}
