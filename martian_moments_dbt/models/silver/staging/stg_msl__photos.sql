{#
    Items of the first sols and of Malin's cameras have no telemetry: it is null. subframe_rect counts delivered pixels, those of the
    camera model: a whole picture of 1024 at a scale of 2 is (1,1,512,512).
#}
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
        'attitude': 'attitude',
        'camera_vector': 'camera_vector',
        'camera_position': 'camera_position',
        'camera_model': 'camera_model_component_list',
        'subframe_rect': 'subframe_rect',
        'scale_factor': 'scale_factor',
        'description': 'description',
        'title': 'title',
        'credit': 'image_credit',
    },
) }},

listed as (
    select
        *,
        {{ numbers('subframe_rect') }} as subframe_numbers,
        {{ to_integer('scale_factor', lowest=1) }} as scale
    from records
),

sized as (
    select
        *,
        {{ pixel_count('subframe_numbers', 3, of=4) }} as width_px,
        {{ pixel_count('subframe_numbers', 4, of=4) }} as height_px
    from listed
),

{{ pointing_of('sized') }},

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
        coalesce(try_cast(thumbnail as boolean), lower(sample_type) = 'thumbnail') as is_thumbnail,
        cast(null as varchar) as sequence_id,
        width_px,
        height_px,
        scale as scale_factor,
        {{ first_pixel(pixel_count('subframe_numbers', 1, of=4), 'scale') }} as subframe_x,
        {{ first_pixel(pixel_count('subframe_numbers', 2, of=4), 'scale') }} as subframe_y,
        width_px * scale as subframe_width,
        height_px * scale as subframe_height,
        {{ pointing_columns() | join(',\n        ') }},
        coalesce({{ known_text('description') }}, {{ known_text('title') }}) as caption,
        {{ known_text('credit') }} as credit,
        cast(null as varchar) as image_url_small,
        coalesce(https_url, url) as image_url_full
    from pointed
)

select * from renamed
