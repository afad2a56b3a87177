{# Items of the first sols and of Malin's cameras have no telemetry: it is null. #}
with {{ photo_records_of(
    'msl',
    'items',
    fields={
        'id': 'id',
        'sol': 'sol',
        'instrument': 'instrument',
        'https_url': 'https_url',
        'url': 'url',
        'date_taken': 'date_taken',
        'date_received': 'date_received',
        'created_at': 'created_at',
        'lmst': 'extended.lmst',
        'clock': 'spacecraft_clock',
        'site': 'site',
        'drive': 'drive',
        'sample_type': 'extended.sample_type',
        'thumbnail': 'is_thumbnail',
        'mission': 'mission',
    },
) }},

renamed as (
    select
        {{ document_columns() | join(',\n        ') }},
        position,
        case
            when coalesce(mission, 'msl') = 'msl' then {{ whole_text('id') }}
        end as source_id,
        {{ to_sol('sol') }} as sol,
        {{ known_text('instrument') }} as camera,
        cast(null as varchar) as camera_full_name,
        coalesce(https_url, url) as image_url,
        cast(null as date) as earth_date,
        {{ reported_utc('date_taken') }} as taken_at_utc,
        -- Nothing is listed before it is received: the earlier of the two.
        least(
            coalesce({{ reported_utc('date_received') }}, {{ reported_utc('created_at') }}),
            coalesce({{ reported_utc('created_at') }}, {{ reported_utc('date_received') }})
        ) as received_at_utc,
        {{ known_text('lmst') }} as lmst,
        {{ known('clock', to_double('clock')) }} as spacecraft_clock,
        {{ known('site', to_integer('site')) }} as site,
        {{ known('drive', to_integer('drive')) }} as drive,
        lower({{ known_text('sample_type') }}) as product_type,
        coalesce(try_cast(thumbnail as boolean), lower(sample_type) = 'thumbnail') as is_thumbnail
    from records
)

select * from renamed
