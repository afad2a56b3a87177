with documents as (
    select * from {{ bronze('raw_manifests') }}
    where source = 'v1'
),

records as (
    {{ records(
        'documents',
        'photo_manifest.photos',
        keep={
            'rover': 'rover',
            'source': 'source',
            'fetched_at': 'fetched_at',
            'max_sol': json_text('document', 'pages[0].photo_manifest.max_sol'),
        },
        fields={'sol': 'sol', 'total_photos': 'total_photos', 'earth_date': 'earth_date'},
    ) }}
),

renamed as (
    select
        rover,
        source,
        fetched_at,
        {{ to_sol('max_sol') }} as max_sol,
        {{ to_sol('sol') }} as sol,
        {{ to_integer('total_photos') }} as photos_promised,
        try_cast(earth_date as date) as earth_date
    from records
)

-- As in nasa/v1.py, a row without a number of photos promises nothing.
select * from renamed
where photos_promised is not null
