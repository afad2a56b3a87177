{#
    No list of sols: each up to the latest may have photos, and only its own response reports how many. As in nasa/m20.py, the latest
    is the largest that either response reports, in latest_sol or of an image.
#}
with documents as (
    select * from {{ bronze('raw_manifests') }}
    where source = 'm20'
),

records as (
    {{ records(
        'documents',
        'images',
        keep={'rover': 'rover', 'source': 'source', 'fetched_at': 'fetched_at'},
        fields={'sol': 'sol'},
    ) }}
),

reported as (
    select
        rover,
        source,
        fetched_at,
        {{ to_sol('sol') }} as sol
    from records
    {%- for page in [0, 1] %}
    union all
    select
        rover,
        source,
        fetched_at,
        {{ to_sol(json_text('document', 'pages[' ~ page ~ '].latest_sol')) }} as sol
    from documents
    {%- endfor %}
),

reaching as (
    select
        rover,
        source,
        fetched_at,
        max(sol) as max_sol
    from reported
    group by rover, source, fetched_at
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
