-- depends_on: {{ ref('loaded_objects') }}
with documents as (
    select * from {{ source('bronze', 'raw_manifests') }}
    where source = 'v1'
),

records as (
    {{ records('documents', 'photo_manifest.photos', {
        'rover': 'rover',
        'source': 'source',
        'fetched_at': 'fetched_at',
        'max_sol': to_integer(json_text('document', 'pages[0].photo_manifest.max_sol')),
    }) }}
),

renamed as (
    select
        rover,
        source,
        fetched_at,
        max_sol,
        {{ to_integer(json_text('record', 'sol')) }} as sol,
        {{ to_integer(json_text('record', 'total_photos')) }} as photos_promised,
        try_cast({{ json_text('record', 'earth_date') }} as date) as earth_date
    from records
)

select * from renamed
