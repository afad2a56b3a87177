with manifest_sols as (
    {%- for source in var('sources') %}
    select * from {{ ref('stg_' ~ source ~ '__manifest_sols') }}
    {{- ' union all' if not loop.last }}
    {%- endfor %}
)

select
    rover,
    source,
    sol,
    cast(max(photos_promised) as bigint) as photos_promised,
    max(earth_date) as earth_date,
    max(max_sol) as max_sol,
    max(fetched_at) as fetched_at
from manifest_sols
where sol is not null
group by rover, source, sol
