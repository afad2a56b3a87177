{#
    No list of sols: each up to the newest may have photos, and only its own response reports how many. As in nasa/msl.py, the newest
    is that of an item that can be read.
#}
with documents as (
    select * from {{ bronze('raw_manifests') }}
    where source = 'msl'
),

records as (
    {{ records(
        'documents',
        'items',
        keep={'rover': 'rover', 'source': 'source', 'fetched_at': 'fetched_at'},
        fields={'id': 'id', 'sol': 'sol', 'mission': 'mission'},
    ) }}
),

manifests as (
    select
        rover,
        source,
        fetched_at,
        max({{ to_sol('sol') }}) as max_sol
    from records
    where {{ whole_text('id') }} is not null and coalesce(mission, 'msl') = 'msl'
    group by rover, source, fetched_at
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
