-- depends_on: {{ ref('loaded_objects') }}
{# No list of sols: each up to the latest may have photos, and only its own answer tells how many. #}
with manifests as (
    select
        rover,
        source,
        fetched_at,
        {{ to_integer(json_text('document', 'pages[0].latest_sol')) }} as latest_sol,
        {{ to_integer(json_text('document', 'pages[1].images[0].sol')) }} as newest_images_sol
    from {{ source('bronze', 'raw_manifests') }}
    where source = 'm20'
),

reaching as (
    select
        rover,
        source,
        fetched_at,
        greatest(coalesce(latest_sol, newest_images_sol), coalesce(newest_images_sol, latest_sol)) as max_sol
    from manifests
),

sols as (
    {{ integers(100000) }}
)

select
    reaching.rover,
    reaching.source,
    reaching.fetched_at,
    reaching.max_sol,
    sols.n as sol,
    cast(null as integer) as photos_promised,
    cast(null as date) as earth_date
from reaching
inner join sols on reaching.max_sol >= sols.n
