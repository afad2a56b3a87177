-- depends_on: {{ ref('loaded_objects') }}
{# No list of sols: each up to the newest may have photos, and only its own answer tells how many. #}
with manifests as (
    select
        rover,
        source,
        fetched_at,
        {{ to_integer(json_text('document', 'pages[0].items[0].sol')) }} as max_sol
    from {{ source('bronze', 'raw_manifests') }}
    where source = 'msl'
),

sols as (
    {{ integers(100000) }}
)

select
    manifests.rover,
    manifests.source,
    manifests.fetched_at,
    manifests.max_sol,
    sols.n as sol,
    cast(null as integer) as photos_promised,
    cast(null as date) as earth_date
from manifests
inner join sols on manifests.max_sol >= sols.n
