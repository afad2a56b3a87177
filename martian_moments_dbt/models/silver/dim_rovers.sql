-- depends_on: {{ ref('loaded_objects') }}
select
    rover,
    title,
    landing_date,
    cast(first_sol as integer) as first_sol,
    first_midnight as first_midnight_utc,
    landing_longitude,
    landing_latitude
from {{ source('bronze', 'rovers') }}
